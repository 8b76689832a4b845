#!/bin/sh
# Service control of the test service: start, stop, status. Beside it lie `settings` and, when it runs, `pid`.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
. "$here/settings"
running() {
  [ -r "$here/pid" ] && read -r pid started <"$here/pid" && [ -r "/proc/$pid/stat" ] || return 1
  now=$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 1,20)
  [ "${now#* }" = "$started" ] && [ "${now% *}" != Z ]
}
launch() {
  rm -f "$here/pid"
  (
    exec 9>>"$here/lock"
    # The last instance may not be quite gone: its threads end after it.
    flock -w 10 9 || exit 1
    exec setsid "$NODE" "$SERVICE" "$DB" "$PORT" "$here/pid" "$END"
  ) >>"$here/log" 2>&1 </dev/null &
}
case $1 in
  status)
    if running; then echo "running pid=$pid started=$started"; else echo stopped; exit 3; fi ;;
  start)
    running || launch
    i=0
    while ! running; do
      i=$((i + 1))
      [ $i -lt 600 ] || { tail -n 5 "$here/log" >&2; exit 1; }
      sleep 0.05
    done ;;
  stop)
    echo stop >>"$here/calls"
    if running; then
      kill -TERM "$pid"
      while running; do sleep 0.02; done
    fi
    # A supervisor that nobody told: the service is back before anybody can look.
    if [ -e "$here/supervised" ]; then launch; while ! running; do sleep 0.02; done; mv "$here/pid" "$here/hidden"; fi
    ;;
esac
