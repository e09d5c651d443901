# Signals for a server and for the processes it started, and the guardian of a server.
#
# family.sh freeze|thaw|kill FOLDER
# family.sh guard FOLDER SIGNAL
#
# The folder holds the server's process id in the file "pid". PostgreSQL makes each of its processes a session of its
# own, so they are found by their parent and not by their group.

# Prints the children of the process $1.
children() {
    if [ -r /proc/self/stat ]; then
        parent=$1
        for stat in /proc/[0-9]*/stat; do
            { read -r line <"$stat"; } 2>/dev/null || continue
            child=${line%% *}
            # After the name in brackets, which may hold anything: the state and the parent.
            line=${line##*) }
            line=${line#* }
            if [ "${line%% *}" = "$parent" ]; then echo "$child"; fi
        done
    else
        ps -A -o pid= -o ppid= | while read -r child parent; do
            if [ "$parent" = "$1" ]; then echo "$child"; fi
        done
    fi
}

# Whether the process $1 runs. One that is dead and that nobody has waited for does not.
alive() {
    if [ -r /proc/self/stat ]; then
        { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
        line=${line##*) }
    else
        line=$(ps -o stat= -p "$1") || return 1
    fi
    case $line in
    Z* | X* | "") return 1 ;;
    esac
}

# Sends the signal $1 to every other process named.
send() {
    signal=$1
    shift
    for process; do kill "-$signal" "$process" 2>/dev/null; done
}

# Waits until the process $1 is dead, for some two seconds at the most.
gone() {
    tries=100
    while alive "$1"; do
        tries=$((tries - 1))
        if [ "$tries" = 0 ]; then return 1; fi
        sleep 0.02
    done
}

freeze() {
    # The server first, so that it starts no further process; twice, for what it started before it heard.
    send STOP "$1"
    send STOP $(children "$1")
    send STOP $(children "$1")
}

thaw() {
    send CONT $(children "$1") "$1"
}

slay() {
    freeze "$1"
    family=$(children "$1")
    send KILL $family
    for member in $family; do gone "$member"; done
    send KILL "$1"
    gone "$1"
}

guard() {
    folder=$1
    # Ends when the last holder of the other end does, however it dies.
    while read -r _; do :; done
    if { read -r server <"$folder/pid"; } 2>/dev/null && alive "$server"; then
        thaw "$server"
        send "$2" "$server"
        gone "$server" || slay "$server"
    fi
    # A server that was killed left this behind.
    memory=$(sed -n 7p "$folder/data/postmaster.pid" 2>/dev/null)
    if [ -n "$memory" ]; then ipcrm -m "${memory##* }" 2>/dev/null; fi
    # A program that was at work in the folder fails as soon as it misses its files, but may make one more before.
    tries=100
    while ! rm -rf "$folder" 2>/dev/null && [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.02
    done
}

case $1 in
guard) guard "$2" "$3" ;;
*)
    read -r server <"$2/pid" || exit
    case $1 in
    freeze) freeze "$server" ;;
    thaw) thaw "$server" ;;
    kill) slay "$server" ;;
    esac
    ;;
esac
