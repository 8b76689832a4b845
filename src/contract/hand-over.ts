// Without zod or any other import: the preload's bundle holds this file and nothing else of the contract.

/** What page, preload and shell call the hand-over of the message port. */
export const PORT_CHANNEL = 'quarterdeck:port';

/** What the page says to the preload when it is ready to take the port. */
export const PORT_WANTED = 'quarterdeck:port-wanted';
