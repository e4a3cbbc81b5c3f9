/**
 * The contract of a backend, as cases that any test runner can run against a backend of your own.
 *
 * @module
 */
export { backendContract } from './backendContract.js';
export type { ContractCase } from './contractCase.js';
export type { ContractClient, ContractServer } from './contractServer.js';
