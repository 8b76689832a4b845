import { config } from 'zod';

// Must be loaded before any schema is made: zod tries whether it may compile parsers, and under our content security policy
// the try alone is a violation.
config({ jitless: true });
