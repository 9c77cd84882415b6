/** Objects used as tables: options, levels and kinds of work may have any name, those of Object.prototype included. */

/** The same entries in an object that inherits nothing: what it has not is undefined, and `__proto__` is a name like any other. */
export function tableOf<T>(entries: Iterable<readonly [name: string, value: T]>): Record<string, T> {
  const table = Object.create(null) as Record<string, T>;
  for (const [name, value] of entries) table[name] = value;
  return table;
}
