;; call(name): selects the link `name` for lab:tiny/api, then calls add(20, 22). An unknown name
;; leaves the selection alone; the result of set-link-name is returned instead of the sum (0 or 1).
(component
  (import "wasmcloud:bus/lattice@2.0.0" (instance $bus
    (export "call-target-interface" (type $target (sub resource)))
    (export "[constructor]call-target-interface" (func
      (param "namespace" string) (param "package" string) (param "interface" string)
      (result (own $target))))
    (export "set-link-name" (func
      (param "name" string) (param "interfaces" (list (own $target)))
      (result (result (error string)))))))
  (import "lab:tiny/api@0.1.0" (instance $api
    (export "add" (func (param "a" u32) (param "b" u32) (result u32)))))
  (core module $libc
    (memory (export "mem") 1)
    (global $bump (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $bump) (i32.sub (local.get 2) (i32.const 1)))
                             (i32.sub (i32.const 0) (local.get 2))))
      (global.set $bump (i32.add (local.get $p) (local.get 3)))
      (local.get $p))
    (data (i32.const 64) "labtinyapi"))
  (core instance $libc (instantiate $libc))
  (alias export $bus "[constructor]call-target-interface" (func $new))
  (alias export $bus "set-link-name" (func $set))
  (alias export $api "add" (func $add))
  (core func $new-core (canon lower (func $new) (memory (core memory $libc "mem"))))
  (core func $set-core (canon lower (func $set)
    (memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))))
  (core func $add-core (canon lower (func $add)))
  (core module $m
    (import "libc" "mem" (memory 1))
    (import "host" "new" (func $new (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "host" "add" (func $add (param i32 i32) (result i32)))
    (func (export "call") (param $name i32) (param $size i32) (result i32)
      (i32.store (i32.const 128)
        (call $new (i32.const 64) (i32.const 3) (i32.const 67) (i32.const 4)
                   (i32.const 71) (i32.const 3)))
      (call $set (local.get $name) (local.get $size) (i32.const 128) (i32.const 1) (i32.const 256))
      (if (result i32) (i32.load8_u (i32.const 256))
        (then (i32.const 1))
        (else (call $add (i32.const 20) (i32.const 22))))))
  (core instance $host
    (export "new" (func $new-core)) (export "set" (func $set-core)) (export "add" (func $add-core)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance $host))))
  (func $call (param "name" string) (result u32)
    (canon lift (core func $i "call") (memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))))
  (component $shim
    (import "call" (func $call (param "name" string) (result u32)))
    (export "call" (func $call)))
  (instance $x (instantiate $shim (with "call" (func $call))))
  (export "lab:named/api" (instance $x)))
