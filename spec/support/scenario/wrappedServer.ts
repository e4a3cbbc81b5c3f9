import type { RealServer } from '../servers/realServer.js';

/** A {@link RealServer} that is another one, and can be more. */
export abstract class WrappedServer<T extends RealServer> implements RealServer {
  protected readonly server: T;

  constructor(server: T) {
    this.server = server;
  }

  get port(): number {
    return this.server.port;
  }

  get address(): string {
    return this.server.address;
  }

  start(): Promise<void> {
    return this.server.start();
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  restart(): Promise<void> {
    return this.server.restart();
  }

  wipe(): Promise<void> {
    return this.server.wipe();
  }

  backup(): Promise<void> {
    return this.server.backup();
  }

  restore(): Promise<void> {
    return this.server.restore();
  }

  freeze(): void {
    this.server.freeze();
  }

  thaw(): void {
    this.server.thaw();
  }

  close(): Promise<void> {
    return this.server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
