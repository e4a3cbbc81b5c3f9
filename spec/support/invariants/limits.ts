/** How long what may take, in milliseconds, in the world that a history is of. */
export interface Limits {
  /** The session timeout of every client. */
  readonly sessionMs: number;
  /** A calm client has come back, and has told and been told everything, within this. */
  readonly recoveryMs: number;
  /** Its own node is missing at most this long while a client is calm. */
  readonly vanishMs: number;
  /** What nobody wants is gone within this, while the server's clock goes. */
  readonly ghostMs: number;
  /** How long a request or a notification is on its way to where it acts. */
  readonly onTheWayMs: number;
  /** Absences shorter than this may be told to nobody, as a server that is read again does not know of them. */
  readonly coalesceMs: number;
  /** A client knows of silence within this. */
  readonly suspendedMs: number;
  /** A client gives its session up within this. */
  readonly lostMs: number;
  /** How often one client may knock within any second in which it does not get a connection. */
  readonly attemptsPerSecond: number;
  /** How far the clocks of those who recorded may differ. */
  readonly skewMs: number;
}
