// Holds the import table of docs/architecture.md. scripts/check-deps.test.ts breaks each rule once to prove that it bites.

const TEST = '\\.test\\.tsx?$|/test-support/';
const ENTRIES = '^src/main/(index|serve|cli)\\.ts$';
/** What every domain folder may build upon. Domains meet each other in host.ts, by plain arguments, or by `import type`. */
const SHARED = '^src/main/(drivers|engine|stacks|store|journal|rpc)/|^src/main/[^/]+\\.ts$';
const NOT_DOMAINS = '^src/main/(drivers|engine|stacks|store|journal|rpc|pages|shell|loopback|cli)/';
const CODE = { path: '^src/', dependencyTypesNot: ['type-only'] };
const ALSO_TYPES = { path: '^src/' };

const only = (name, comment, from, allowed, what = {}) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: TEST },
  to: { ...what, pathNot: allowed },
});
const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const lib = (name) => `(^|/)node_modules/${name}/|^${name}$`;
const libs = (...names) => `(^|/)node_modules/(${names.join('|')})/|^(${names.join('|')})(/|$)`;
const placed = (name, place) =>
  never(`${name}-in-its-place`, `${name} is used in ${place} only`, { path: '^src/', pathNot: [place, TEST] }, { path: lib(name) });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    never('no-circular', 'Modules that need each other are one module, or miss a third', {}, { circular: true }),
    never('not-resolvable', 'Every import must resolve', {}, { couldNotResolve: true, path: '.', pathNot: '^virtual:' }),
    never(
      'not-to-tests',
      'The product never imports tests, journeys, scripts or benches',
      { path: '^src/', pathNot: TEST },
      { path: ['^(tests|e2e|scripts|bench)/', TEST] },
    ),
    never(
      'no-undeclared',
      'A package must be declared in package.json',
      { path: '^(src|tests|e2e|scripts|bench)/' },
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    ),

    only('contract', 'contract: zod and the contract builder', '^src/contract/', [libs('zod', '@orpc/contract'), '^src/contract/']),
    only('drivers', 'drivers: contract, node, libraries', '^src/main/drivers/', '^src/(contract|main/drivers)/', ALSO_TYPES),
    only('store', 'store: contract and drivers', '^src/main/store/', '^src/(contract|main/(store|drivers))/', ALSO_TYPES),
    only(
      'journal',
      "journal: contract, store, and the engine's interface",
      '^src/main/journal/',
      '^src/(contract|main/(journal|store|engine))/',
      ALSO_TYPES,
    ),
    only('wires', 'rpc and pages: contract', '^src/main/(rpc|pages)/', '^src/(contract|main/(rpc|pages))/', ALSO_TYPES),
    only(
      'engine-and-stacks',
      'engine and stacks: contract, each other, store, journal, and types of drivers',
      '^src/main/(engine|stacks)/',
      '^src/(contract|main/(engine|stacks|store|journal))/',
      CODE,
    ),
    only(
      'engine-and-stacks-types',
      'engine and stacks know no domain, not even its types',
      '^src/main/(engine|stacks)/',
      '^src/(contract|main/(engine|stacks|store|journal|drivers))/',
      ALSO_TYPES,
    ),
    never(
      'domains-by-wiring',
      'A domain folder never imports the code of another: host.ts hands it over',
      { path: '^src/main/([^/]+)/', pathNot: [NOT_DOMAINS, TEST] },
      { path: '^src/main/', pathNot: ['^src/main/$1/', SHARED], dependencyTypesNot: ['type-only'] },
    ),
    never(
      'host-is-the-top',
      'Only the shell, the loopback, the command line and the entries import the host',
      { path: '^src/', pathNot: [ENTRIES, '^src/main/(shell|loopback|cli)/', TEST] },
      { path: '^src/main/(host|index|serve|cli)\\.ts$' },
    ),
    never(
      'ways-in-are-leaves',
      'Shell, loopback and command line are imported by the entries only',
      { path: '^src/(main/[^/]+|[^/]+)', pathNot: [ENTRIES, '^src/main/cli/', TEST] },
      { path: '^src/main/(shell|loopback|cli)/', pathNot: '^src/$1/' },
    ),
    only(
      'shell',
      'shell: host, rpc, contract, electron',
      '^src/main/shell/',
      '^src/(contract/|main/((shell|rpc|pages)/|host\\.ts$))',
      CODE,
    ),
    only(
      'loopback',
      'loopback: host, rpc, contract, node, ws',
      '^src/main/loopback/',
      '^src/(contract/|main/((loopback|rpc|pages)/|host\\.ts$))',
      CODE,
    ),
    only('cli', 'cli: host, rpc, loopback, contract', '^src/main/cli/', '^src/(contract/|main/((cli|rpc|loopback)/|[^/]+\\.ts$))', CODE),
    only('preload', 'preload: electron, and names from the contract', '^src/preload/', ['^src/(preload|contract)/', lib('electron')]),
    only(
      'renderer',
      'renderer: contract and renderer, never main, never the preload',
      '^src/renderer/',
      '^src/(renderer|contract)/',
      ALSO_TYPES,
    ),
    never(
      'renderer-in-a-browser',
      "renderer: no library of the host's",
      { path: '^src/renderer/', pathNot: TEST },
      { path: libs('electron', 'ssh2', 'keytar', 'better-sqlite3', 'undici', 'ws', 'yaml', 'commander', '@orpc/server') },
    ),
    never('renderer-no-node', "renderer: no module of node's", { path: '^src/renderer/', pathNot: TEST }, { dependencyTypes: ['core'] }),
    never(
      'main-no-screens',
      'main and contract never import screens',
      { path: '^src/(main|contract|preload)/' },
      { path: '^src/renderer/' },
    ),

    never(
      'electron-in-its-place',
      'electron is imported in main/shell and preload only',
      { pathNot: '^src/(main/shell|preload)/' },
      { path: lib('electron') },
    ),
    placed('ssh2', '^src/main/(drivers|demo)/'),
    placed('keytar', '^src/main/drivers/'),
    placed('better-sqlite3', '^src/main/(drivers|store|demo)/'),
    placed('undici', '^src/main/drivers/'),
    placed('ws', '^src/main/(loopback|cli)/'),
    placed('yaml', '^src/main/(stacks|cli)/'),
    placed('commander', '^src/main/cli(/|\\.ts$)'),
    never(
      'no-dev-dependency',
      'What main needs when it runs is in `dependencies`: a packaged app has nothing else',
      { path: '^src/(main|contract)/', pathNot: TEST },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: lib('electron') },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)fixtures/' },
    // TypeScript 7 has no API for it yet. swc's visitor does not know `using` declarations: it fails loudly on them.
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
    builtInModules: { add: ['node:sqlite'] },
  },
};
