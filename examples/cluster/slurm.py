"""Run a benchmark in jobs of SLURM: python slurm.py CONFIG JOBS [FOLDER].

It runs where jobs can be submitted, such as on a login node in tmux. What a job asks
for is in ~/.config/dask/jobqueue.yaml: see jobqueue.yaml beside this file. Other
systems (PBS, SGE, LSF, HTCondor) have classes of their own in dask_jobqueue.
"""

import sys

import dask
import distributed
from dask_jobqueue import SLURMCluster

import rnnbench


def main(config: str, jobs: int, folder: str | None = None) -> None:
    # Reduce Dask's monitoring of its own processes, to leave the cores to training.
    dask.config.set({"distributed.admin.tick.interval": "1s"})
    with SLURMCluster() as cluster:
        cluster.scale(jobs=jobs)
        with distributed.Client(cluster) as client:
            client.wait_for_workers(1)  # others may join while the run goes on
        address = cluster.scheduler_address
        try:
            print(rnnbench.run(config, executor="dask", scheduler=address, out=folder))
        except rnnbench.RnnbenchError as error:
            print(error, file=sys.stderr)
            sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4])
