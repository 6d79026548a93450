# Runs COMMAND and stops it when whoever started it is gone.
#
#   sh -c SCRIPT supervise SIGNALS GRACE_S COMMAND [ARGUMENT...]
#
# Standard input is a pipe that the starter holds and never writes to: it ends when the starter drops it or dies, by
# SIGKILL too. COMMAND then gets SIGNALS in turn, each given GRACE_S seconds to work. Standard output is not written to:
# COMMAND finds it as descriptor 9, so that a lock on it lasts until the last process of the server is gone, and a folder
# on it can be entered as /proc/self/fd/9 from where its path cannot be walked. COMMAND's output goes to standard error.
signals=$1
grace_s=$2
shift 2
exec 8<&0 9<&1 0</dev/null 1>&2

"$@" 8<&- &
command=$!

(
    exec 9<&-
    read -r _ <&8
    for signal in $signals; do
        kill -s "$signal" "$command" 2>/dev/null || exit 0
        tenths=$((grace_s * 10))
        while [ "$tenths" -gt 0 ] && kill -s 0 "$command" 2>/dev/null; do
            sleep 0.1
            tenths=$((tenths - 1))
        done
    done
) &
watcher=$!

exec 8<&-
wait "$command"
status=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
