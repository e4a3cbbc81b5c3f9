/** A real server on 127.0.0.1, for specs that do to it what happens to servers. */
export interface RealServer extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Starts it – again – with the data and the port it had; resolves when it serves. */
  start(): Promise<void>;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Kills it and starts it again. */
  restart(): Promise<void>;
  /** Kills it, deletes its data and starts it again. */
  wipe(): Promise<void>;
  /** Kills it, copies its data aside and starts it again. */
  backup(): Promise<void>;
  /** Kills it, puts the copy of its data back and starts it again. */
  restore(): Promise<void>;
  /** Stops it with its connections open: the kernel still accepts, nobody answers. */
  freeze(): void;
  /** Lets a frozen server go on. */
  thaw(): void;
  /** Kills it and removes its folder. */
  close(): Promise<void>;
}
