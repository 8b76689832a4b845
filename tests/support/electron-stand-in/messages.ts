/** What the test may ask the program under the stand-in. */
export type Question =
  | { readonly what: 'request'; readonly method: string; readonly url: string }
  | { readonly what: 'hand-over'; readonly port: number; readonly sender: Sender; readonly ports?: number }
  | { readonly what: 'port-message'; readonly port: number; readonly data: unknown }
  | { readonly what: 'port-close'; readonly port: number }
  | { readonly what: 'emit'; readonly target: 'app' | 'window' | 'contents'; readonly event: string; readonly details?: unknown }
  | { readonly what: 'menu'; readonly id: string }
  | { readonly what: 'window-open'; readonly url: string }
  | { readonly what: 'permission'; readonly permission: string; readonly origin: string }
  | { readonly what: 'may-load'; readonly url: string }
  | { readonly what: 'close-window' }
  | { readonly what: 'quit' };

/** Who hands over a port. */
export interface Sender {
  /** False for another window than the one that was opened. */
  readonly ours: boolean;
  /** False for a frame inside the page; null for one that is gone. */
  readonly main: boolean | null;
  readonly origin: string;
}

/** An answer of the `app:` protocol. The body is base64. */
export interface ProtocolAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** One use of Electron by the program. */
export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What the program under the stand-in tells without being asked. */
export type Notice =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'port-send'; readonly port: number; readonly data: unknown }
  | { readonly kind: 'port-closed'; readonly port: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

/** What the program did when an event it may prevent was emitted. */
export interface Emitted {
  readonly prevented: boolean;
  readonly listeners: number;
}
