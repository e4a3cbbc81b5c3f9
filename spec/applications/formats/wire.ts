/** What Java Dubbo 3.3.6 and dubbo-go 3.3.2 wrote and read, byte for byte. */

export const JAVA_LOCAL =
  '{"name":"shop","id":"jhost:24387","address":"jhost","port":24387,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"jhost:24387","name":"shop","metadata":{"dubbo.endpoints":"[{\\"port\\":24387,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata-service.url-params":"{\\"prefer.serialization\\":\\"hessian2,fastjson2\\",\\"version\\":\\"1.0.0\\",\\"dubbo\\":\\"2.0.2\\",\\"release\\":\\"3.3.6\\",\\"side\\":\\"provider\\",\\"port\\":\\"24387\\",\\"protocol\\":\\"dubbo\\"}","dubbo.metadata.revision":"e570052d73127c49e0d2d7e8899b5d01","dubbo.metadata.storage-type":"local","meta-v":"1.0.0","timestamp":"1795830354497"}},"registrationTimeUTC":1795830355502,"serviceType":"DYNAMIC","uriSpec":null}';

export const JAVA_REMOTE =
  '{"name":"shop","id":"jhost:22144","address":"jhost","port":22144,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"jhost:22144","name":"shop","metadata":{"dubbo.endpoints":"[{\\"port\\":22144,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata.revision":"5a8a552f69b401b63b0250d37c2570ec","dubbo.metadata.storage-type":"remote","meta-v":"1.0.0","timestamp":"1795830381114"}},"registrationTimeUTC":1795830381912,"serviceType":"DYNAMIC","uriSpec":null}';

export const JAVA_METADATA =
  '{"app":"shop","revision":"5a8a552f69b401b63b0250d37c2570ec","services":{"g1/probe.EchoService:1.0.0:dubbo":{"group":"g1","name":"probe.EchoService","params":{"side":"provider","release":"3.3.6","methods":"add,echo,who","deprecated":"false","dubbo":"2.0.2","weight":"150","interface":"probe.EchoService","service-name-mapping":"true","version":"1.0.0","generic":"false","revision":"1.0.0","metadata-type":"remote","application":"shop","prefer.serialization":"hessian2,fastjson2","dynamic":"true","REGISTRY_CLUSTER":"default","group":"g1"},"path":"probe.EchoService","port":22144,"protocol":"dubbo","version":"1.0.0"}}}';

/** The smallest that a Java consumer could call. */
export const JAVA_MINIMAL = {
  instance:
    '{"name":"rxapp","id":"jhost:29745","address":"jhost","port":29745,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","metadata":{"dubbo.metadata.revision":"r1","dubbo.metadata.storage-type":"remote"}}}',
  metadata:
    '{"services":{"g1/probe.EchoService:1.0.0:dubbo":{"name":"probe.EchoService","group":"g1","version":"1.0.0","protocol":"dubbo","path":"probe.EchoService","params":{}}}}',
};

const GO_REVISION = 'f3faeba0'.repeat(16);

export const GO_REMOTE = `{"name":"greeter-app","id":"127.0.0.1:26142","address":"127.0.0.1","port":26142,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"127.0.0.1:26142","metadata":{"dubbo.endpoints":"[{\\"port\\":26142,\\"protocol\\":\\"tri\\"}]","dubbo.metadata.revision":"${GO_REVISION}","dubbo.metadata.storage-type":"remote","dubbo.subscribed-services.revision":"0","registry.id":"reg"},"name":"greeter-app"}}`;

export const GO_METADATA = `{"app":"greeter-app","revision":"${GO_REVISION}","services":{"g1/com.acme.Greeter:1.0.0:tri":{"name":"com.acme.Greeter","group":"g1","version":"1.0.0","protocol":"tri","port":26142,"path":"com.acme.Greeter","params":{"application":"greeter-app","cluster":"failover","group":"g1","loadbalance":"random","methods":"Check,check,Watch,watch","release":"dubbo-golang-3.3.2","timestamp":"1795830601","version":"1.0.0","weight":"0"}}},"lastUpdatedTime":1795830601587}`;

/** On etcd, with the whole metadata inside, and a line end. */
export const GO_ON_ETCD = `{"ID":"127.0.0.1:26142","ServiceName":"greeter-app","Host":"127.0.0.1","Port":26142,"Weight":0,"Enable":true,"Healthy":true,"Metadata":{"dubbo.endpoints":"[{\\"port\\":26142,\\"protocol\\":\\"tri\\"}]","dubbo.metadata-service.url-params":"{\\"group\\":\\"greeter-app\\",\\"port\\":\\"46675\\",\\"protocol\\":\\"dubbo\\",\\"release\\":\\"3.3.2\\",\\"serialization\\":\\"hessian2\\",\\"version\\":\\"1.0.0\\"}","dubbo.metadata.revision":"${GO_REVISION}","dubbo.metadata.storage-type":"local","meta-v":"1.0.0"},"ServiceMetadata":${GO_METADATA},"Address":"","GroupName":"","Tag":""}\n`;

/** Java's names on etcd, which dubbo-go reads as well. */
export const JAVA_NAMES_ON_ETCD =
  '{"id":"10.0.0.1:20880","serviceName":"shop","host":"10.0.0.1","port":20880,"enabled":true,"healthy":true,"metadata":{"dubbo.metadata.revision":"r","dubbo.metadata.storage-type":"remote"}}';
