#!/bin/sh
# Run a benchmark on machines that ssh reaches: ssh.sh CONFIG HOST...
#
# All of them need the same Python environment at the same place, with rnnbench[dask] in it: the one
# that is active here. Connections are not encrypted: use this in a network that you trust, or set
# certificates in Dask's configuration.
set -eu
config=$1
shift
bin=$(dirname "$(command -v rnnbench)")
address=tcp://$(hostname -f):${PORT:-8786}

"$bin/dask" scheduler --port "${PORT:-8786}" &
scheduler=$!
trap 'kill $scheduler' EXIT # workers end when their scheduler does

for host in "$@"; do
    # A worker for each core; a trial runs in each.
    ssh "$host" "$bin/dask worker $address --nthreads 1 --nworkers \$(nproc)" &
done
until "$bin/python" -c "
import sys
from distributed import Client
sys.exit(not Client('$address', timeout='60s').scheduler_info()['workers'])
"; do sleep 1; done

"$bin/rnnbench" run "$config" --executor dask --scheduler "$address"
