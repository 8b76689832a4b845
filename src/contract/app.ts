import { oc } from '@orpc/contract';
import { z } from 'zod';
import { KeychainState } from './secrets.ts';

/** What this host is. */
export const AppInfo = z.strictObject({
  version: z.string(),
  transport: z.enum(['desktop', 'loopback', 'cli']),
  dataFolder: z.string(),
  /** `user@machine`, as the journal names the operator. */
  operator: z.string(),
  platform: z.string(),
  node: z.string(),
  electron: z.string().nullable(),
  keychain: KeychainState,
});
export type AppInfo = z.infer<typeof AppInfo>;

/** Preferences of this installation. */
export const Settings = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']),
  density: z.enum(['comfortable', 'compact']),
  timestamps: z.enum(['local', 'utc']),
  /** The welcome page was left. */
  welcomed: z.boolean(),
  /** Where downloads go; empty means the app's own folder. */
  downloadFolder: z.string().max(1024),
});
export type Settings = z.infer<typeof Settings>;

export const app = {
  info: oc.input(z.strictObject({})).output(AppInfo),
};

export const settings = {
  get: oc.input(z.strictObject({})).output(Settings),
  set: oc.input(Settings.partial()).output(Settings),
};
