package peer;

/** The service that is provided and called. */
public interface Greeter {
  String who();
}
