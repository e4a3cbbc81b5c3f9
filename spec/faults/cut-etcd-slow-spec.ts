import { describeCut } from './cut.js';

describeCut('etcd');
