import type { Meanings } from '../job.ts';

/**
 * Defines `ticks_of <pid>`: when that process was started, which with its number names one process only. Says nothing when there is none.
 * Where there is no /proc it is ps that tells it.
 */
export const processTicks = `ticks_of() {
  if [ ! -r /proc/self/stat ]; then ps -o lstart= -p "$1" 2>/dev/null; return 0; fi
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  set -- \${stat##*) }
  [ "$1" = Z ] && return 0
  shift 19
  echo "$1"
}
`;

/**
 * `$1` control, `$2` grace in seconds, `$3` and `$4` number and start of the process that is to end, `$5` `force` or nothing. Its end counts when
 * the control says `stopped` and the process is gone.
 */
export const processStop = `${processTicks}
stop_it() {
control=$1 grace=$2 pid=$3 ticks=$4 force=$5
alive() { [ -n "$ticks" ] && [ "$(ticks_of "$pid")" = "$ticks" ]; }
"$control" stop </dev/null || exit 22
turns=0
while :; do
  "$control" status </dev/null >/dev/null
  if [ $? -ne 3 ]; then state=23; elif alive; then state=26; else "$control" status </dev/null; return 0; fi
  if [ "$turns" -ge $((grace * 5)) ]; then
    [ "$force" = force ] && alive || exit $state
    kill -KILL "$pid" || exit $state
    force= turns=0
  fi
  turns=$((turns + 1))
  sleep 0.2 2>/dev/null || sleep 1
done
}
stop_it "$@"
`;

/** As {@link processStop}, and starts it then. */
export const processRestart = `${processStop}
"$control" start </dev/null || exit 24
"$control" status </dev/null || exit 25
`;

/** `$1` folder and `$2` file of a project: defines `compose`, in whichever of its two forms the host has, and goes there (for its .env). */
export const composePrelude = `command -v docker >/dev/null 2>&1 || exit 41
cd -- "$1" || exit 42
file=$2
shift 2
if docker compose version >/dev/null 2>&1; then compose() { if [ -n "$file" ]; then docker compose -f "$file" "$@"; else docker compose "$@"; fi; }
elif command -v docker-compose >/dev/null 2>&1; then compose() { if [ -n "$file" ]; then docker-compose -f "$file" "$@"; else docker-compose "$@"; fi; }
else exit 47
fi
`;

/**
 * Defines `end_gently <container>`: its own stop signal, then a wait of `$grace` seconds until it is seen not to run. `docker stop` is not
 * used because it kills what does not end in time. With `$force` = force it is killed after that, because it was asked for.
 */
export const gently = `running() { [ "$(docker inspect --type container --format '{{.State.Running}}' -- "$1" 2>/dev/null)" = true ]; }
end_gently() {
  docker inspect --type container --format '{{.Id}}' -- "$1" >/dev/null || return 31
  running "$1" || return 0
  sig=$(docker inspect --type container --format '{{.Config.StopSignal}}' -- "$1")
  docker kill --signal "\${sig:-SIGTERM}" -- "$1" >/dev/null || ! running "$1" || return 32
  turns=0
  while running "$1"; do
    if [ "$turns" -ge $((grace * 5)) ]; then
      [ "$force" = force ] || return 33
      docker kill --signal KILL -- "$1" >/dev/null || ! running "$1" || return 32
      docker wait -- "$1" >/dev/null || return 32
    fi
    turns=$((turns + 1))
    sleep 0.2 2>/dev/null || sleep 1
  done
}
`;

/** `$1` grace in seconds, `$2` `force` or nothing, then containers, in the order in which they end. */
export const stopContainers = `${gently}
grace=$1 force=$2
shift 2
for id; do
  echo "ending $id"
  end_gently "$id" || exit $?
done
`;

/** `$1` grace, then containers in the order in which they start; they end in the reverse order, all before the first starts. */
export const restartContainers = `${gently}
grace=$1 force=
shift
back=
for id; do back="$id $back"; done
for id in $back; do
  echo "ending $id"
  end_gently "$id" || exit $?
done
for id; do
  echo "starting $id"
  docker start -- "$id" >/dev/null || exit 34
done
`;

/** Containers, in the order in which they start. */
export const startContainers = `for id; do
  echo "starting $id"
  docker start -- "$id" >/dev/null || exit 34
done
`;

/**
 * `$1` folder, `$2` file, `$3` service or nothing, then images that must be on the host already: what is missing is made, what stands still
 * is started, what runs is left alone; nothing is built or pulled.
 */
export const composeStart = `${composePrelude}
service=$1
shift
for image; do docker image inspect --format '{{.Id}}' -- "$image" >/dev/null || exit 35; done
if [ -n "$service" ]; then compose up -d --no-build --no-recreate "$service" || exit 34
else compose up -d --no-build --no-recreate || exit 34
fi
`;

/** `$1` unit, `$2` what to do. */
export const unitVerb = `systemctl "$2" -- "$1" || exit 36
`;

/** `$1` unit. */
export const unitRestart = `systemctl stop -- "$1" || exit 36
systemctl start -- "$1" || exit 36
`;

/** What the exit codes of these scripts mean. */
export const meanings: Meanings = {
  22: 'the service did not stop',
  23: 'it was told to stop, and is not stopped; nothing was killed',
  24: 'the service did not start',
  25: 'it was started, and is not running',
  26: 'its control says that it is stopped, and its process still runs; nothing was killed',
  31: 'a container is not there any more',
  32: 'a container could not be told to end',
  33: 'a container was asked to end and still runs after its time; it was not killed',
  34: 'it could not be started',
  35: 'an image is not on the host, and nothing is pulled here',
  36: 'systemctl refused',
  41: 'docker is not on the host',
  42: 'the project’s folder can’t be entered',
  47: 'neither docker compose nor docker-compose is on the host',
};
