const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|z|[+-]\d\d:\d\d)$/;

/**
 * An RFC 3339 time with a zone as one text in UTC: `2026-11-27T03:00:00Z`, with as many decimals (at most six) as it needs. Undefined for
 * what is no such time, a day that no month has included.
 */
export function utcInstant(text: string): string | undefined {
  const match = RFC3339.exec(text.trim());
  if (match === null) return undefined;
  const [, day = '', clock = '', fraction = '', zone = ''] = match;
  const local = new Date(`${day}T${clock}Z`);
  // A day that is not there would silently become one of the next month.
  if (Number.isNaN(local.getTime()) || local.toISOString().slice(0, 19) !== `${day}T${clock}`) return undefined;
  const at = new Date(`${day}T${clock}${zone.toUpperCase()}`);
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999 || at.getUTCFullYear() < 0) return undefined;
  const decimals = fraction.replace(/0+$/, '');
  return `${at.toISOString().slice(0, 19)}${decimals === '' ? '' : `.${decimals}`}Z`;
}
