export {
  configGroupPath,
  configPath,
  configRoot,
  DEFAULT_CONFIG_GROUP,
  dottedConfigPath,
  isName,
} from './configPaths.js';
export { decodeComponent, encodeComponent } from './encoding.js';
export { instanceKey, sameService } from './instanceKey.js';
export { localAddress } from './localAddress.js';
export { categoriesOf, isSwitchedOff, matcher, matches, serviceMatcher, switchFilter } from './matching.js';
export { LEVEL_PARAMETERS } from './levelParameters.js';
export { fromNodeName, toNodeName } from './nodeName.js';
export { CATEGORIES, categoryPath, interfaceOfDirectory, nodePath, rootPath, servicePath } from './paths.js';
export { type RegistrationFacts, toRegisteredUrl } from './registeredUrl.js';
export { parseRegistryAddress, type RegistryAddress, type RegistryHost } from './registryAddress.js';
export { registryIdentity } from './registryIdentity.js';
export { type ServiceQuery, toQuery } from './serviceQuery.js';
export {
  DEFAULT_PREFIX,
  ServiceUrl,
  type ServiceUrlChanges,
  type ServiceUrlParameters,
  type ServiceUrlParts,
} from './serviceUrl.js';
export { splitHostPort } from './splitUrl.js';
export { withoutZeroOfGo } from './withoutZeroOfGo.js';
