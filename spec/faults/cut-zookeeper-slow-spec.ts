import { describeCut } from './cut.js';

describeCut('zookeeper');
