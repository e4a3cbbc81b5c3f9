import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as backend from '../lib/backend.js';
import * as contract from '../lib/contract/index.js';
import * as etcd from '../lib/backends/etcd/index.js';
import * as memory from '../lib/backends/memory/index.js';
import * as zookeeper from '../lib/backends/zookeeper/index.js';
import * as config from '../lib/config/index.js';
import * as dashboard from '../lib/dashboard/index.js';
import * as operators from '../lib/operators/index.js';
import * as grpc from '../lib/grpc/index.js';
import * as http from '../lib/http/index.js';
import * as nestjs from '../lib/nestjs/index.js';
import * as testing from '../lib/testing/index.js';
import * as main from '../lib/index.js';

describe('what the package exports', () => {
  it('rx-registry', () => {
    expect(Object.keys(main).sort()).toEqual([
      'CATEGORIES',
      'ConfigConflictError',
      'DuplicateRegistrationError',
      'ERROR_CODES',
      'InstanceSet',
      'InvalidConfigError',
      'InvalidOptionError',
      'InvalidUrlError',
      'NoInstanceError',
      'OutcomeUnknownError',
      'RegistryError',
      'ServiceUrl',
      'UnreadableNodeError',
      'VERSION',
      'combineRegistries',
      'createConfigCenter',
      'createRegistry',
      'drain',
      'drained',
      'fileCache',
      'instanceKey',
      'iterate',
      'memoryCache',
      'whileConnected',
    ]);
  });

  it('rx-registry/backend', () => {
    expect(Object.keys(backend).sort()).toEqual([
      'LEGAL_TRANSITIONS',
      'checkPath',
      'connect',
      'fullJitter',
      'inArrivalOrder',
      'isFatalError',
      'isLegalTransition',
      'retryWithBackoff',
      'served',
      'watchEachDirectory',
    ]);
  });

  it('rx-registry/backend/testing', () => {
    expect(Object.keys(contract).sort()).toEqual(['backendContract']);
  });

  it('rx-registry/etcd', () => {
    expect(Object.keys(etcd).sort()).toEqual(['etcd']);
  });

  it('rx-registry/operators', () => {
    expect(Object.keys(operators).sort()).toEqual([
      'CallMeter',
      'balance',
      'coalesce',
      'consistentHash',
      'ejectOutliers',
      'emptyProtection',
      'leastLoaded',
      'limitConcurrency',
      'matcher',
      'matches',
      'panic',
      'powerOfTwoChoices',
      'preferZone',
      'random',
      'rendezvous',
      'roundRobin',
      'shortestResponse',
      'smoothWeightedRoundRobin',
      'stabilize',
      'sticky',
      'subset',
      'toEvents',
      'toInstances',
      'warmUp',
      'where',
    ]);
  });

  it('rx-registry/config', () => {
    expect(Object.keys(config).sort()).toEqual([
      'applyOverrides',
      'asJson',
      'asProperties',
      'asText',
      'asYaml',
      'governanceKey',
    ]);
  });

  it('rx-registry/testing', () => {
    expect(Object.keys(testing).sort()).toEqual([
      'FAKE_INTERFACE',
      'IllegalTraceError',
      'cacheOf',
      'fakeInstance',
      'fakeInstances',
      'foldEvents',
      'legalEvents',
      'legalStates',
      'marbleBackend',
      'marbleCalls',
      'recordOf',
      'scenario',
    ]);
  });

  it('rx-registry/grpc', () => {
    expect(Object.keys(grpc).sort()).toEqual(['registerGrpcResolver']);
  });

  it('rx-registry/http', () => {
    expect(Object.keys(http).sort()).toEqual(['registryFetch']);
  });

  it('rx-registry/dashboard', () => {
    expect(Object.keys(dashboard).sort()).toEqual(['createDashboard']);
  });

  it('rx-registry/nestjs', () => {
    expect(Object.keys(nestjs).sort()).toEqual([
      'InjectPicker',
      'InjectRegistry',
      'REGISTRY',
      'RegistryHealth',
      'RegistryModule',
      'pickerToken',
    ]);
  });

  it('rx-registry/memory', () => {
    expect(Object.keys(memory).sort()).toEqual(['MemoryServer', 'memory', 'memoryServer']);
  });

  it('rx-registry/zookeeper', () => {
    expect(Object.keys(zookeeper).sort()).toEqual(['zookeeper']);
  });

  it('the version is the package’s', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(main.VERSION).toBe(version);
  });
});
