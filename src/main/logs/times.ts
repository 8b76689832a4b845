const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?\s?(Z|z|UTC|[+-]\d\d:?\d\d)?$/;

/** A number as a time: seconds, milliseconds, microseconds or nanoseconds, told apart by their size. */
function fromNumber(value: number): number | null {
  if (!Number.isFinite(value) || value <= 0) return null;
  const ms = value > 1e17 ? value / 1e6 : value > 1e14 ? value / 1e3 : value > 1e11 ? value : value * 1000;
  // Beyond what a date can be it is no time.
  return ms > 8.64e15 ? null : Math.floor(ms);
}

/**
 * A time as log lines carry it, in Unix milliseconds; null when it is none. ISO 8601 with `T` or a space, Python's comma
 * before the milliseconds, and epoch numbers. A time without a zone is taken for UTC: that is what the services' hosts run
 * in, and the laptop's own zone would be wrong for any other.
 */
export function parseTime(value: unknown): number | null {
  if (typeof value === 'number') return fromNumber(value);
  if (typeof value !== 'string' || value.length > 64) return null;
  const text = value.trim();
  if (/^\d{9,19}(\.\d{1,9})?$/.test(text)) return fromNumber(Number(text));
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match;
  const numbers = [month, day, hour, minute, second].map(Number) as [number, number, number, number, number];
  if (numbers[0] < 1 || numbers[0] > 12 || numbers[1] < 1 || numbers[1] > 31 || numbers[2] > 24 || numbers[3] > 59 || numbers[4] > 60)
    return null;
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(Number(year), numbers[0] - 1, numbers[1], numbers[2], numbers[3], numbers[4], ms);
  const offset = zone === undefined || /^(z|utc)$/i.test(zone) ? 0 : zoneMinutes(zone);
  const at = utc - offset * 60_000;
  return at >= 0 ? at : null;
}

function zoneMinutes(zone: string): number {
  const digits = zone.replace(/\D/g, '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4));
  return zone.startsWith('-') ? -minutes : minutes;
}
