#!/bin/sh
# Run a benchmark on machines that ssh reaches: ssh.sh CONFIG HOST...
#
# All of them need the same Python environment at the same place, with rnnbench[dask] in it: the one
# that is active here. Connections are not encrypted: use this in a network that you trust, or set
# certificates in Dask's configuration.
set -eu
config=$1
shift
command -v rnnbench >/dev/null || { echo "activate the environment of rnnbench first" >&2; exit 2; }
bin=$(dirname "$(command -v rnnbench)")
logs=$(mktemp -d)
# Reduce Dask's monitoring of its own processes, to leave the cores to training.
settings="env DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL=1s"
started=
trap 'kill $started 2>/dev/null || :' EXIT # workers end when their scheduler does
trap 'exit 130' INT
trap 'exit 143' HUP TERM

wait_until() { # repeat a command until it succeeds; give up if a process started here has ended
    until "$@"; do
        for process in $started; do
            kill -0 "$process" 2>/dev/null || {
                tail -n 3 "$logs"/*.log >&2
                exit 3
            }
        done
        sleep 1
    done
}

$settings "$bin/dask" scheduler --port "${PORT:-8786}" --scheduler-file "$logs/scheduler.json" \
    >"$logs/scheduler.log" 2>&1 &
started=$!
wait_until test -s "$logs/scheduler.json"
address=$(sed -n 's/.*"address": "\([a-z]*:[^"]*\)".*/\1/p' "$logs/scheduler.json" | head -n 1)

for host in "$@"; do
    # A worker for each core; a trial runs in each.
    ssh "$host" "$settings $bin/dask worker $address --nthreads 1 --nworkers \$(nproc) --death-timeout 60" \
        >"$logs/$host.log" 2>&1 &
    started="$started $!"
done
wait_until "$bin/python" -c "
import sys
from distributed import Client
sys.exit(not Client('$address', timeout='60s').scheduler_info()['workers'])
"

echo "The scheduler is at $address; logs are in $logs" >&2
"$bin/rnnbench" run "$config" --executor dask --scheduler "$address"
