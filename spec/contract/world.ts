import type { ContractServer } from '../../lib/contract/contractServer.js';

export type { ContractClient as WorldClient } from '../../lib/contract/contractServer.js';

/** A server that the contract runs against, and its end. */
export interface World extends ContractServer, AsyncDisposable {}
