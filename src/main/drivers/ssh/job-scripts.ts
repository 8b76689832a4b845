// The constant scripts of detached jobs. A job is the directory
//   ${XDG_STATE_HOME:-$HOME/.local/state}/quarterdeck/jobs/<key>/
//     starter    pid and identity of the shell that claimed the key
//     program    what runs (arguments quoted, script)
//     input      its stdin; 0600, removed as soon as it is open
//     runner     pid and identity of the process that runs it
//     stdout stderr
//     exit       its exit code, written to exit.tmp, synced, renamed: present means ended
// A process's identity is its start time (field 22 of /proc/<pid>/stat) and the boot it belongs to: a pid alone may have
// been given to somebody else meanwhile. Where there is no /proc, `ps` tells the start time.

const identity = `
qd_identity() {
  if [ -r "/proc/$1/stat" ]; then
    qd_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    qd_boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) || qd_boot=-
    qd_stat=\${qd_stat##*) }
    qd_id=$(set -- $qd_stat; [ "$1" = Z ] && exit 1; printf '%s' "\${20}") || return 1
    printf '%s_%s' "$qd_id" "$qd_boot"
  else
    [ -d /proc/self ] && return 1
    qd_id=$(ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_') && [ -n "$qd_id" ] && printf '%s' "$qd_id"
  fi
}
qd_alive() {
  [ -r "$1" ] && read -r qd_pid qd_was <"$1" && [ -n "$qd_pid" ] && [ "$(qd_identity "$qd_pid")" = "$qd_was" ]
}
qd_record() {
  printf '%s %s\\n' "$$" "$(qd_identity $$)" >"$1.tmp" && mv -f "$1.tmp" "$1"
}
qd_base=\${XDG_STATE_HOME:-$HOME/.local/state}/quarterdeck/jobs
`;

/** What runs the job. Arguments: its directory, the umask of the account. `claimed` makes a second runner a no-op. */
const runner = `
dir=$1
cd "$dir" && mkdir claimed 2>/dev/null || exit 0
umask 077
${identity}
qd_record runner || exit 1
exec 3<input 4>stdout 5>stderr || exit 1
rm -f input
cd "\${HOME:-/}" || cd /
(umask "$2"; exec /bin/sh "$dir/program" <&3 >&4 2>&5 3<&- 4>&- 5>&-)
code=$?
exec 3<&- 4>&- 5>&-
cd "$dir" || exit 1
printf '%s\\n' "$code" >exit.tmp && { sync exit.tmp 2>/dev/null || sync; } && mv -f exit.tmp exit
`;

/**
 * Starts a job. Arguments: key, a nonce, bytes of the program, bytes of its input, the runner's text; stdin: program and
 * input. All of stdin is on disk and counted before `mkdir` claims the key, so a connection cut in the middle starts
 * nothing, and of two starters one wins. Prints `started` or `attached`.
 */
export const detachScript = `
set -u
${identity}
account_umask=$(umask)
umask 077
key=$1 stage=$qd_base/.stage-$2 program=$3 input=$4
mkdir -p "$qd_base" || exit 73
if [ -d "$qd_base/$key" ]; then echo attached; exit 0; fi
mkdir "$stage" || exit 73
trap 'rm -rf "$stage"' EXIT
cat >"$stage/all" && [ "$(wc -c <"$stage/all")" -eq $((program + input)) ] || exit 74
head -c "$program" "$stage/all" >"$stage/program" && tail -c "+$((program + 1))" "$stage/all" >"$stage/input" && rm -f "$stage/all" || exit 74
printf '%s' "$5" >"$stage/run" && qd_record "$stage/starter" || exit 74
if ! mkdir "$qd_base/$key" 2>/dev/null; then
  [ -d "$qd_base/$key" ] || exit 73
  echo attached; exit 0
fi
dir=$qd_base/$key
mv "$stage/starter" "$stage/program" "$stage/input" "$stage/run" "$dir/" || exit 74
started=
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  # Only the job itself ends with its unit: a server that it started goes on.
  systemd-run --quiet --collect --unit="quarterdeck-job-$key" --property=KillMode=process --setenv=HOME="$HOME" --setenv=PATH="$PATH" \\
    /bin/sh "$dir/run" "$dir" "$account_umask" >/dev/null 2>&1 </dev/null && started=1
fi
if [ -z "$started" ]; then
  if command -v setsid >/dev/null 2>&1; then setsid /bin/sh "$dir/run" "$dir" "$account_umask" >/dev/null 2>&1 </dev/null &
  else nohup /bin/sh "$dir/run" "$dir" "$account_umask" >/dev/null 2>&1 </dev/null &
  fi
fi
i=0
while [ ! -e "$dir/runner" ] && [ $i -lt 100 ]; do
  i=$((i + 1)) nap=0.05
  [ $i -le 5 ] && nap=0.01
  sleep $nap 2>/dev/null || sleep 1
done
echo started
`;

/** The runner's text, the fifth argument of {@link detachScript}. */
export const runnerScript = runner;

/**
 * Tells a job's state. Arguments: key, bytes of stdout and of stderr already known, how many of each to send at most, and
 * for how many turns of 0.2 s (the first ten are shorter) to wait for news. Prints one line — state, exit code or `-`, pid or `-`, bytes of stdout and
 * of stderr that follow — and then those bytes.
 */
export const stateScript = `
set -u
${identity}
dir=$qd_base/$1 out=$2 err=$3 most=$4 turns=$5
look() {
  code=- pid=-
  [ -d "$dir" ] || { state=absent; return; }
  [ -r "$dir/runner" ] && read -r pid rest <"$dir/runner"
  if [ ! -r "$dir/exit" ]; then
    if qd_alive "$dir/runner" || { [ ! -e "$dir/runner" ] && qd_alive "$dir/starter"; }; then state=running; return; fi
    # Between the looks the claim may have been completed, the runner started, or the job ended.
    for again in 1 2 3 4 5 6 7 8 9 10; do
      [ -r "$dir/exit" ] && break
      if qd_alive "$dir/runner"; then state=running; return; fi
      [ -e "$dir/runner" ] && [ "$again" -gt 2 ] && break
      sleep 0.1 2>/dev/null || sleep 1
    done
  fi
  if [ -r "$dir/exit" ]; then state=exited; read -r code <"$dir/exit"; else state=lost; fi
}
size() { if [ -r "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }
i=0
while :; do
  look
  nout=$(($(size "$dir/stdout") - out)) nerr=$(($(size "$dir/stderr") - err))
  [ $nout -lt 0 ] && nout=0; [ $nerr -lt 0 ] && nerr=0
  [ $nout -gt "$most" ] && nout=$most; [ $nerr -gt "$most" ] && nerr=$most
  i=$((i + 1))
  if [ $state != running ] || [ $nout -gt 0 ] || [ $nerr -gt 0 ] || [ $i -gt "$turns" ]; then break; fi
  # Short jobs are not kept waiting, long ones are looked at in peace.
  nap=0.2
  [ $i -le 10 ] && nap=0.03
  sleep $nap 2>/dev/null || sleep 1
done
printf '%s %s %s %d %d\\n' "$state" "$code" "$pid" "$nout" "$nerr"
if [ $nout -gt 0 ]; then tail -c "+$((out + 1))" "$dir/stdout" | head -c "$nout"; fi
if [ $nerr -gt 0 ]; then tail -c "+$((err + 1))" "$dir/stderr" | head -c "$nerr"; fi
`;
