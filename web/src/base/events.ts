/** Listeners by name, with `detail` typed by the name; the events are ordinary CustomEvents. */
export class TypedTarget<Events> {
  readonly #target = new EventTarget();
  /** The names that were ever listened to: an event of any other is not made. */
  readonly #listened = new Set<string>();

  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: (event: CustomEvent<Events[K]>) => void,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.#listened.add(type);
    this.#target.addEventListener(type, listener as EventListener, options);
  }

  removeEventListener<K extends keyof Events & string>(
    type: K,
    listener: (event: CustomEvent<Events[K]>) => void,
    options?: EventListenerOptions | boolean,
  ): void {
    this.#target.removeEventListener(type, listener as EventListener, options);
  }

  protected emit<K extends keyof Events & string>(type: K, detail: Events[K]): void {
    if (this.#listened.has(type)) this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
