import type { CliClient } from './client.ts';
import type { Output } from './output.ts';

/** What a command works with. */
export interface CommandWorld {
  readonly client: CliClient;
  readonly output: Output;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Opens the host, does the work, closes the host, sets the exit code. */
export type CommandRunner = (work: (world: CommandWorld) => Promise<void>) => Promise<void>;
