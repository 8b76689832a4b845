/**
 * The service control of a direct FriendlyFace start: `ffctl start|stop|restart|status`. A constant POSIX script; all that
 * differs lies in `../etc/ffctl.conf`. It answers `start` once the service listens, stops by SIGTERM only and waits until the
 * process is gone, and knows its process by id *and* start time. `status`: `running pid=N started=…` (0) or `stopped` (3).
 */
export const ffctlScript = `#!/bin/sh
set -u
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd) || exit 1
. "$here/../etc/ffctl.conf" || exit 1

# The start time of a process; nothing when it is gone or only waits to be reaped.
started_of() {
  if [ -d /proc/self ]; then
    stat=$(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) || return 1
    set -- $stat
    [ $# -gt 19 ] || return 1
    [ "$1" != Z ] && [ "$1" != X ] || return 1
    shift 19
    printf '%s' "$1"
  else
    TZ=UTC LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | sed 's/^ *//; s/ *$//; s/  */_/g' | tr -d '\\n'
  fi
}

alive() {
  pid= token= since=
  [ -r "$PID_FILE" ] || return 1
  read -r pid token since <"$PID_FILE" || return 1
  [ -n "$pid" ] && [ "$(started_of "$pid")" = "$token" ]
}

pause() { sleep 0.1 2>/dev/null || sleep 1; }

do_status() {
  if alive; then
    echo "running pid=$pid started=$since"
    return 0
  fi
  echo stopped
  return 3
}

do_start() {
  if alive; then
    echo "already running pid=$pid started=$since"
    return 0
  fi
  mkdir -p "$(dirname "$PID_FILE")" "$(dirname "$LOG_FILE")" || return 1
  cd "$WORK_DIR" || return 1
  detach=nohup
  command -v setsid >/dev/null 2>&1 && detach=setsid
  # A clean environment: what the service knows comes from its env file, not from whoever starts it.
  "$detach" env -i PATH="\${PATH:-/usr/bin:/bin}" TZ=UTC ELECTRON_RUN_AS_NODE=1 \\
    REPLICA_PORT="$PORT" REPLICA_ENV_FILE="$ENV_FILE" REPLICA_PID_FILE="$PID_FILE" \\
    REPLICA_FAULTS_FILE="$FAULTS_FILE" REPLICA_MIGRATIONS_DIR="$MIGRATIONS_DIR" \\
    "$NODE" "$SERVICE" >>"$LOG_FILE" 2>&1 </dev/null &
  child=$!
  tries=0
  while [ $tries -lt 300 ]; do
    if alive && [ "$pid" = "$child" ]; then
      echo "running pid=$pid started=$since"
      return 0
    fi
    if [ -z "$(started_of $child)" ]; then
      echo "failed to start; the end of $LOG_FILE:" >&2
      tail -n 5 "$LOG_FILE" >&2
      return 1
    fi
    pause
    tries=$((tries + 1))
  done
  echo "not ready after 30 seconds, pid=$child is still starting" >&2
  return 1
}

do_stop() {
  if ! alive; then
    echo stopped
    return 0
  fi
  kill -TERM "$pid" || return 1
  tries=0
  while [ "$(started_of "$pid")" = "$token" ]; do
    if [ $tries -ge 300 ]; then
      echo "still running 30 seconds after SIGTERM, pid=$pid" >&2
      return 1
    fi
    pause
    tries=$((tries + 1))
  done
  echo stopped
  return 0
}

case "\${1:-}" in
  start) do_start ;;
  stop) do_stop ;;
  restart) do_stop && do_start ;;
  status) do_status ;;
  *)
    echo 'usage: ffctl start|stop|restart|status' >&2
    exit 2
    ;;
esac
`;

/**
 * A `df` that comes first on the demo host's PATH. With the `disk-nearly-full` fault on it reports what the real one reports,
 * with 98 % used; otherwise it is the real one. No disk is filled: that would need a file system of its own, hence root.
 */
export const dfScript = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
PATH=/usr/local/bin:/usr/bin:/bin
if ! grep -q '"disk-nearly-full":true' "$here/../friendlyface/faults.json" 2>/dev/null; then
  exec df "$@"
fi
report=$(df "$@")
code=$?
printf '%s\\n' "$report" | awk '
  NR > 1 && NF >= 6 && $(NF-1) ~ /%$/ {
    total = $(NF-4)
    if (total ~ /^[0-9]+$/) { free = int(total / 50); $(NF-2) = free; $(NF-3) = total - free }
    else { $(NF-3) = total; $(NF-2) = "96M" }
    $(NF-1) = "98%"
  }
  { print }'
exit $code
`;

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The text of `ffctl.conf`: assignments only, every value quoted. It holds no secret. */
export function ffctlConfig(values: {
  node: string;
  service: string;
  port: number;
  envFile: string;
  pidFile: string;
  logFile: string;
  faultsFile: string;
  migrationsDir: string;
  workDir: string;
}): string {
  const lines: Record<string, string> = {
    NODE: values.node,
    SERVICE: values.service,
    PORT: String(values.port),
    ENV_FILE: values.envFile,
    PID_FILE: values.pidFile,
    LOG_FILE: values.logFile,
    FAULTS_FILE: values.faultsFile,
    MIGRATIONS_DIR: values.migrationsDir,
    WORK_DIR: values.workDir,
  };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name}=${quote(value)}`)
    .join('\n')}\n`;
}
