import { describeConfigContract } from '../contract/configContract.js';
import { memoryWorld } from '../contract/memoryWorld.js';

describeConfigContract('memory', memoryWorld, { tellsEveryVersion: true });
