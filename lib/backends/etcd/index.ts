export { etcd, type EtcdOptions, type EtcdTuning } from './etcd.js';
export type { Pem, TlsOptions } from '../shared/tlsOptions.js';
