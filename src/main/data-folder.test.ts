import { expect, test } from 'vitest';
import { dataFolder } from './data-folder.ts';

test('QUARTERDECK_HOME overrides the platform folder', () => {
  expect(dataFolder({ QUARTERDECK_HOME: '/srv/qd' }, 'linux', '/home/me')).toBe('/srv/qd');
});

test('each platform has its own place', () => {
  expect(dataFolder({}, 'linux', '/home/me')).toBe('/home/me/.local/share/quarterdeck');
  expect(dataFolder({ XDG_DATA_HOME: '/data' }, 'linux', '/home/me')).toBe('/data/quarterdeck');
  expect(dataFolder({}, 'darwin', '/Users/me')).toBe('/Users/me/Library/Application Support/Quarterdeck');
});

test('a relative XDG_DATA_HOME is ignored, as the standard says', () => {
  expect(dataFolder({ XDG_DATA_HOME: 'data' }, 'linux', '/home/me')).toBe('/home/me/.local/share/quarterdeck');
});
