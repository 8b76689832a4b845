/** The part of keytar that is used. `findCredentials` is left out on purpose: it crashes the process on a locked keyring. */
export interface KeytarModule {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, password: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
  /** Ends what it needs; calls under way fail. */
  close?(): void;
}
