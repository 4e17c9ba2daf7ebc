;; Imports what no host of ours offers.
(component
  (import "wasi:blobstore/blobstore@0.2.0-draft" (instance (export "count" (func (result u32)))))
  (core module $m (func (export "go")))
  (core instance $i (instantiate $m))
  (func $go (canon lift (core func $i "go")))
  (export "go" (func $go)))
