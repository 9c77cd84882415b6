/** The values that the bundler puts in: the name of the worker of this very build, which names everything else. */
declare const __WORKER__: string;

/** The worker's script, relative to the folder that serves the build; named by its content. */
export const WORKER = __WORKER__;
