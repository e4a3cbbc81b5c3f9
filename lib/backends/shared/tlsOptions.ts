/** A certificate or key in PEM: its text, its bytes, or the path of its file. */
export type Pem = string | Uint8Array;

/** How a connection is encrypted. */
export interface TlsOptions {
  /** Who may have signed the server's certificate. @defaultValue the authorities that Node.js trusts */
  readonly ca?: Pem | undefined;
  /** Our certificate, for servers that ask for one. */
  readonly cert?: Pem | undefined;
  /** The key of {@link TlsOptions.cert}. */
  readonly key?: Pem | undefined;
  /** The name that the server's certificate must have. @defaultValue the host that is connected to */
  readonly serverName?: string | undefined;
}
