;; Calls lab:tiny/api.add(20, 22), from an interface and from the root of its world.
(component
  (import "lab:tiny/api@0.1.0" (instance $api
    (export "add" (func (param "a" u32) (param "b" u32) (result u32)))))
  (alias export $api "add" (func $add))
  (core func $add-core (canon lower (func $add)))
  (core module $m
    (import "api" "add" (func $add (param i32 i32) (result i32)))
    (func (export "go") (result i32) (call $add (i32.const 20) (i32.const 22))))
  (core instance $deps (export "add" (func $add-core)))
  (core instance $i (instantiate $m (with "api" (instance $deps))))
  (func $go (result u32) (canon lift (core func $i "go")))
  (component $shim
    (import "go" (func $go (result u32)))
    (export "go" (func $go)))
  (instance $x (instantiate $shim (with "go" (func $go))))
  (export "lab:caller/run@0.1.0" (instance $x))
  (export "go" (func $go)))
