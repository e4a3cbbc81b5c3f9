import js from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

/**
 * Imports point down only, folder by folder: each may use what is listed, and what stands with it in its own folder.
 * `errors` and `version` are for everyone.
 */
const LAYERS = {
  internal: [],
  dubbo: ['internal'],
  port: ['dubbo', 'internal'],
  connection: ['port', 'internal'],
  'backends/memory': ['connection', 'port', 'internal'],
  'backends/shared': ['internal'],
  'backends/zookeeper': ['backends/shared', 'connection', 'port', 'dubbo', 'internal'],
  'backends/etcd': ['backends/shared', 'connection', 'port', 'dubbo', 'internal'],
  instances: ['dubbo', 'internal'],
  cache: ['internal'],
  operators: ['balancers', 'instances', 'dubbo', 'internal'],
  balancers: ['instances', 'dubbo', 'internal'],
  config: ['connection', 'port', 'operators', 'instances', 'dubbo', 'internal'],
  // Of registries, not below them.
  combined: [
    'registry',
    'operators',
    'applications',
    'registration',
    'connection',
    'port',
    'instances',
    'dubbo',
    'internal',
  ],
  shutdown: ['internal'],
  interop: ['internal'],
  http: ['registry', 'registryPicker', 'dubbo', 'internal'],
  nestjs: ['createRegistry', 'registry', 'shutdown', 'registration', 'port', 'dubbo', 'internal'],
  grpc: ['connection', 'balancers', 'instances', 'dubbo', 'internal'],
  // On top of everything, as what is tested with it is.
  testing: ['registry', 'cache', 'backends/memory', 'connection', 'port', 'instances', 'dubbo', 'internal'],
  // What a backend promises, tried on backends of others.
  contract: ['port', 'internal'],
  overview: ['balancers', 'instances', 'dubbo', 'internal'],
  doctor: ['registry', 'backends/zookeeper', 'connection', 'port', 'dubbo', 'internal'],
  dashboard: ['registry', 'overview', 'instances', 'dubbo', 'internal'],
  registration: ['connection', 'port', 'dubbo', 'internal'],
  discovery: ['connection', 'port', 'instances', 'dubbo', 'internal'],
  applications: [
    'cache',
    'registration',
    'discovery',
    'operators',
    'connection',
    'port',
    'config',
    'instances',
    'dubbo',
    'internal',
  ],
};

const CLIENT_LIBRARY_OF = { 'backends/zookeeper': 'node-zookeeper-client', 'backends/etcd': 'etcd3' };
const CLIENT_LIBRARIES = Object.values(CLIENT_LIBRARY_OF);

const layers = Object.entries(LAYERS).map(([folder, below]) => {
  const up = folder
    .split('/')
    .map(() => '..')
    .join('/');
  const forbidden = [...Object.keys(LAYERS), 'index', 'registry', 'createRegistry']
    .filter((other) => other !== folder && !below.includes(other))
    .flatMap((other) => [up, `../${up}`].flatMap((path) => [`${path}/${other}.js`, `${path}/${other}/**`]));
  return {
    files: [`lib/${folder}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: CLIENT_LIBRARIES.filter((library) => library !== CLIENT_LIBRARY_OF[folder]),
          patterns: [{ group: forbidden, message: `lib/${folder} may only use: ${below.join(', ') || 'nothing'}.` }],
        },
      ],
    },
  };
});

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'docs/api/',
      'coverage/',
      'node_modules/',
      'spec/package/consumer/run.*',
      'lib/dashboard/page.ts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, rxjsX.configs.recommended],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ['lib/**'],
    rules: {
      'no-console': 'error',
      'rxjs-x/no-ignored-subscription': 'off',
      'rxjs-x/throw-error': 'error',
    },
  },
  // What runs in a browser, with its types.
  {
    files: ['lib/dashboard/page/**/*.ts', 'spec/browser/**/*.ts'],
    languageOptions: { parserOptions: { project: './lib/dashboard/page/tsconfig.json' } },
  },
  { files: ['lib/*.ts'], rules: { 'no-restricted-imports': ['error', { paths: CLIENT_LIBRARIES }] } },
  ...layers,
  // Specs look at what is thrown, ignored and nested on purpose.
  {
    files: ['spec/**', 'examples/**', 'bench/**', 'vitest.config.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_$' }],
      'no-restricted-exports': 'off',
      'rxjs-x/no-ignored-error': 'off',
      'rxjs-x/no-ignored-subscribe': 'off',
      'rxjs-x/no-ignored-subscription': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly' } } },
);
