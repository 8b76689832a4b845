/**
 * Quotes one argument for a POSIX shell: single quotes, an inner one as `'\''`. The only quoting function of the project.
 * Throws a TypeError on NUL, which no argument can carry.
 */
export function shellQuote(argument: string): string {
  if (argument.includes('\0')) throw new TypeError('a shell argument cannot contain a NUL byte');
  return `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Quotes and joins arguments with {@link shellQuote}. */
export function shellQuoteAll(args: readonly string[]): string {
  return args.map(shellQuote).join(' ');
}
