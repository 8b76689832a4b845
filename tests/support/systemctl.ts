import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A `systemctl` that stands in for systemd: one unit, `shop.service`, whose process is real. */
export interface StandIn {
  /** To be put before the PATH of the host. */
  readonly bin: string;
  /** What the next start, or stop, comes to. */
  behave(how: 'well' | 'crash-loop' | 'exits' | 'stop-kills' | 'refuses'): void;
  /** Ends its process. */
  close(): void;
}

const script = `#!/bin/sh
cd "$(dirname "$0")/../unit" || exit 1
how=$(cat how)
pid=$(cat pid 2>/dev/null)
alive() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
verb=$1
for unit; do :; done
case $verb in
  show)
    if [ "$unit" != shop.service ]; then
      printf 'Id=%s\\nLoadState=not-found\\nActiveState=inactive\\nSubState=dead\\nMainPID=0\\n' "$unit"
      exit 0
    fi
    printf 'Id=shop.service\\nLoadState=loaded\\nInvocationID=%s\\nTimeoutStopUSec=1min 30s\\n' "$(cat invocation 2>/dev/null)"
    if alive; then printf 'ActiveState=active\\nSubState=running\\nMainPID=%s\\nNRestarts=0\\nExecMainCode=0\\nExecMainStatus=0\\nResult=success\\n' "$pid"
    else cat state; fi ;;
  start)
    [ "$how" != refuses ] || { echo 'Failed to start shop.service: Access denied' >&2; exit 4; }
    alive && exit 0
    date +%s%N >invocation
    case $how in
      crash-loop) printf 'ActiveState=activating\\nSubState=auto-restart\\nMainPID=0\\nNRestarts=3\\nExecMainCode=1\\nExecMainStatus=3\\nResult=exit-code\\n' >state ;;
      exits) printf 'ActiveState=active\\nSubState=exited\\nMainPID=0\\nNRestarts=0\\nExecMainCode=1\\nExecMainStatus=0\\nResult=success\\n' >state ;;
      *) sleep 100000 >/dev/null 2>&1 </dev/null & echo $! >pid ;;
    esac ;;
  stop)
    if [ "$how" = stop-kills ]; then
      kill -KILL "$pid"
      printf 'ActiveState=failed\\nSubState=failed\\nMainPID=0\\nNRestarts=0\\nExecMainCode=2\\nExecMainStatus=9\\nResult=timeout\\n' >state
    else
      if alive; then kill "$pid"; fi
      printf 'ActiveState=inactive\\nSubState=dead\\nMainPID=0\\nNRestarts=0\\nExecMainCode=2\\nExecMainStatus=15\\nResult=success\\n' >state
    fi
    while alive; do sleep 0.02; done
    rm -f pid ;;
esac
`;

/** Lays the stand-in down in a folder. Its unit does not run at first. */
export function writeSystemctl(folder: string): StandIn {
  const [bin, unit] = [join(folder, 'bin'), join(folder, 'unit')];
  for (const dir of [bin, unit]) mkdirSync(dir, { recursive: true });
  writeFileSync(join(bin, 'systemctl'), script);
  chmodSync(join(bin, 'systemctl'), 0o755);
  writeFileSync(join(unit, 'how'), 'well');
  writeFileSync(
    join(unit, 'state'),
    'ActiveState=inactive\nSubState=dead\nMainPID=0\nNRestarts=0\nExecMainCode=0\nExecMainStatus=0\nResult=success\n',
  );
  return {
    bin,
    behave: (how) => writeFileSync(join(unit, 'how'), how),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
