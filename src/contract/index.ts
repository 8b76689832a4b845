import { app, settings } from './app.ts';
import { backups } from './backups.ts';
import { connections } from './connections.ts';
import { demo } from './demo.ts';
import { environments } from './environments.ts';
import { health } from './health.ts';
import { journal } from './journal.ts';
import { logs } from './logs.ts';
import { rehearsals } from './rehearsals.ts';
import { runs } from './runs.ts';
import { secrets } from './secrets.ts';
import { stacks } from './stacks.ts';

/** Everything that crosses the process boundary. `domain.verb`. */
export const contract = {
  app,
  backups,
  connections,
  demo,
  environments,
  health,
  journal,
  logs,
  rehearsals,
  runs,
  secrets,
  settings,
  stacks,
};
