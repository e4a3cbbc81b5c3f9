import { describeContract } from '../contract/contract.js';
import { scriptedWorld } from './scriptedWorld.js';

describeContract('the scripted backend, on which marbles play', scriptedWorld);
