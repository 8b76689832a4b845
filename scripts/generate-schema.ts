import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stackJsonSchema } from '../src/main/stacks/json-schema.ts';

const file = fileURLToPath(new URL('../resources/stack.schema.json', import.meta.url));
writeFileSync(file, stackJsonSchema());
console.log(`Written: ${file}`);
