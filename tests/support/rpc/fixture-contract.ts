import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';

/** An item of the fixture's feed: a number, or how many were lost. */
export const FeedItem = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('numbers'), numbers: z.array(z.int()) }),
  z.strictObject({ kind: z.literal('dropped'), count: z.int().positive() }),
]);
export type FeedItem = z.infer<typeof FeedItem>;

const Named = z.strictObject({ name: z.string() });

/** A small contract with one call for each way a call or stream can go. */
export const fixtureContract = {
  calls: {
    add: oc.input(z.strictObject({ a: z.number(), b: z.number().max(100) })).output(z.strictObject({ sum: z.number() })),
    echo: oc.input(z.strictObject({ text: z.string() })).output(z.strictObject({ text: z.string() })),
    /** Gives something its output schema does not allow. */
    lie: oc.input(z.strictObject({})).output(z.strictObject({ honest: z.boolean() })),
    refuse: oc.input(z.strictObject({})).output(z.strictObject({})),
    crash: oc.input(z.strictObject({})).output(z.strictObject({})),
    /** Answers when released, or never: waits for its signal. */
    hang: oc.input(Named).output(z.strictObject({ name: z.string() })),
  },
  streams: {
    count: oc.input(z.strictObject({ to: z.int() })).output(eventIterator(z.int())),
    /** The second item breaks the schema. */
    lie: oc.input(z.strictObject({})).output(eventIterator(z.strictObject({ n: z.int() }))),
    refuse: oc.input(z.strictObject({ after: z.int() })).output(eventIterator(z.int())),
    /** A feed the test pushes into. */
    feed: oc.input(Named.extend({ capacity: z.int() })).output(eventIterator(FeedItem)),
    /** Big items as fast as they are taken. */
    flood: oc.input(Named.extend({ size: z.int() })).output(eventIterator(z.strictObject({ n: z.int(), text: z.string() }))),
    /** A generator that waits for something that never comes and does not look at its signal. */
    stuck: oc.input(Named).output(eventIterator(z.int())),
  },
};
