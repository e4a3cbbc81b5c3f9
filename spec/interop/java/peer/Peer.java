package peer;

import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/** Providers and consumers of Java Dubbo: reads an order a line as JSON, and answers each with a line `@ <json>`. */
public class Peer {
  private static final Map<String, DubboBootstrap> bootstraps = new ConcurrentHashMap<>();
  private static final Map<String, Greeter> greeters = new ConcurrentHashMap<>();

  public static void main(String[] args) throws Exception {
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    answer(Map.of("ready", true));
    for (String line; (line = orders.readLine()) != null; ) {
      try {
        answer(Map.of("result", carryOut(JSON.parseObject(line))));
      } catch (Throwable error) {
        error.printStackTrace();
        answer(Map.of("error", String.valueOf(error)));
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static synchronized void answer(Object data) {
    System.out.println("@ " + JSON.toJSONString(data));
    System.out.flush();
  }

  private static Object carryOut(JSONObject order) {
    String id = order.getString("id");
    switch (order.getString("do")) {
      case "provide":
        bootstraps.put(id, provide(order));
        return "provided";
      case "consume":
        greeters.put(id, consume(id, order));
        return "consumed";
      case "call":
        return call(greeters.get(id), order.getIntValue("times"));
      case "stop":
        bootstraps.remove(id).stop();
        return "stopped";
      default:
        throw new IllegalArgumentException("No such order: " + order);
    }
  }

  private static DubboBootstrap provide(JSONObject order) {
    ProtocolConfig protocol = new ProtocolConfig(order.getString("protocol"), order.getIntValue("port"));
    protocol.setHost("127.0.0.1");
    String name = order.getString("name");
    ServiceConfig<Greeter> service = new ServiceConfig<>();
    service.setInterface(Greeter.class);
    service.setVersion(order.getString("version"));
    service.setRef(() -> name);
    Map<String, String> parameters = new HashMap<>();
    parameters.put("warmup", "1");
    service.setParameters(parameters);
    ApplicationConfig application = application(order);
    if (order.containsKey("registerMode")) application.setRegisterMode(order.getString("registerMode"));
    if (order.containsKey("metadataType")) application.setMetadataType(order.getString("metadataType"));
    RegistryConfig registry = new RegistryConfig(order.getString("registry"));
    DubboBootstrap bootstrap = DubboBootstrap.newInstance();
    bootstrap.application(application).registry(registry).protocol(protocol).service(service).start();
    return bootstrap;
  }

  private static Greeter consume(String id, JSONObject order) {
    ReferenceConfig<Greeter> reference = new ReferenceConfig<>();
    reference.setInterface(Greeter.class);
    reference.setVersion(order.getString("version"));
    reference.setCheck(false);
    reference.setTimeout(5000);
    reference.setRetries(0);
    DubboBootstrap bootstrap = DubboBootstrap.newInstance();
    bootstrap.application(application(order)).registry(new RegistryConfig(order.getString("registry"))).reference(reference);
    bootstrap.start();
    bootstraps.put(id, bootstrap);
    return reference.get();
  }

  private static ApplicationConfig application(JSONObject order) {
    ApplicationConfig application = new ApplicationConfig(order.getString("application"));
    application.setQosEnable(false);
    return application;
  }

  /** How many calls each provider answered; a call that failed counts for its error. */
  private static Map<String, Integer> call(Greeter greeter, int times) {
    Map<String, Integer> answers = new TreeMap<>();
    for (int call = 0; call < times; call++) {
      String answer;
      try {
        answer = greeter.who();
      } catch (Throwable error) {
        answer = "failed: " + error.getClass().getSimpleName();
      }
      answers.merge(answer, 1, Integer::sum);
    }
    return answers;
  }
}
