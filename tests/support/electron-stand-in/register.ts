import { registerHooks } from 'node:module';

// Loaded with `--import`: whatever the program imports as `electron` is the stand-in.
const standIn = new URL('./electron.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'electron' ? standIn : specifier, context),
});
