"""The steps that turn this repository into `web/dist/`: fetch, wheel, runtime, lock file, shim, manifest."""
