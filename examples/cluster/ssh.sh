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
logs=$(mktemp -d)
started=
trap 'kill $started 2>/dev/null || :' EXIT # workers end when their scheduler does
trap 'exit 130' INT
trap 'exit 143' HUP TERM

wait_until() { # wait for a command to succeed, unless something that was started here has ended
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

"$bin/dask" scheduler --port "${PORT:-8786}" --scheduler-file "$logs/scheduler.json" \
    >"$logs/scheduler.log" 2>&1 &
started=$!
wait_until test -s "$logs/scheduler.json"
address=$(sed -n 's/.*"address": "\(tcp:[^"]*\)".*/\1/p' "$logs/scheduler.json" | head -n 1)

for host in "$@"; do
    # A worker for each core; a trial runs in each.
    ssh "$host" "$bin/dask worker $address --nthreads 1 --nworkers \$(nproc)" \
        >"$logs/$host.log" 2>&1 &
    started="$started $!"
done
wait_until "$bin/python" -c "
import sys
from distributed import Client
sys.exit(not Client('$address', timeout='60s').scheduler_info()['workers'])
"

echo "$address; logs are in $logs" >&2
"$bin/rnnbench" run "$config" --executor dask --scheduler "$address"
