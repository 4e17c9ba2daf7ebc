(component
  ;; What componentize-py's own WASI does not have: the functions behind feature gates.
  (import "wasi:io/error@0.2.6" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-type))
  (import "wasi:io/streams@0.2.6" (instance $streams
    (alias outer 1 $error-type (type $e))
    (export "input-stream" (type $input (sub resource)))
    (type $failure' (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $failure (eq $failure')))
    (export "[method]input-stream.blocking-read" (func
      (param "self" (borrow $input)) (param "len" u64)
      (result (result (list u8) (error $failure)))))))
  (alias export $streams "input-stream" (type $input-type))
  (import "wasi:cli/stdin@0.2.6" (instance $stdin
    (alias outer 1 $input-type (type $input))
    (export "get-stdin" (func (result (own $input))))))
  (import "wasi:sockets/network@0.2.6" (instance $network
    (alias outer 1 $error-type (type $e))
    (type $code' (enum "unknown" "access-denied" "not-supported" "invalid-argument"
      "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block"
      "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use"
      "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
      "permanent-resolver-failure"))
    (export "error-code" (type $code (eq $code')))
    (export "network-error-code" (func (param "err" (borrow $e)) (result (option $code))))))
  (import "wasi:cli/exit@0.2.6" (instance $exit
    (export "exit-with-code" (func (param "status-code" u8)))))
  (import "wasi:clocks/wall-clock@0.2.6" (instance $wall
    (type $datetime' (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type (eq $datetime')))))
  (alias export $wall "datetime" (type $datetime-type))
  (import "wasi:clocks/timezone@0.2.6" (instance $zone
    (alias outer 1 $datetime-type (type $datetime))
    (type $display' (record (field "utc-offset" s32) (field "name" string)
      (field "in-daylight-saving-time" bool)))
    (export "timezone-display" (type $display (eq $display')))
    (export "display" (func (param "when" $datetime) (result $display)))
    (export "utc-offset" (func (param "when" $datetime) (result s32)))))

  (core module $memory-module
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $m (instantiate $memory-module))
  (core func $get-stdin (canon lower (func $stdin "get-stdin")))
  (core func $read (canon lower (func $streams "[method]input-stream.blocking-read")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $code (canon lower (func $network "network-error-code")
    (memory (core memory $m "memory"))))
  (core func $leave (canon lower (func $exit "exit-with-code")))
  (core func $display (canon lower (func $zone "display")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $offset (canon lower (func $zone "utc-offset")))

  (core module $main
    (import "m" "memory" (memory 1))
    (import "w" "get-stdin" (func $get-stdin (result i32)))
    (import "w" "read" (func $read (param i32 i64 i32)))
    (import "w" "code" (func $code (param i32 i32)))
    (import "w" "leave" (func $leave (param i32)))
    (import "w" "display" (func $display (param i64 i32 i32)))
    (import "w" "offset" (func $offset (param i64 i32) (result i32)))
    ;; The number of the network error code that stdin fails with, 99 for none, 98 for no error.
    (func (export "code-of-stdin") (result i32)
      (call $read (call $get-stdin) (i64.const 10) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16))) (then (return (i32.const 98))))
      (call $code (i32.load (i32.const 24)) (i32.const 32))
      (if (i32.eqz (i32.load8_u (i32.const 32))) (then (return (i32.const 99))))
      (i32.load8_u (i32.const 33)))
    (func (export "leave") (param i32) (call $leave (local.get 0)))
    ;; The offset plus the length of the zone's name.
    (func (export "zone") (result i32)
      (call $display (i64.const 0) (i32.const 0) (i32.const 64))
      (i32.add (i32.load (i32.const 72)) (call $offset (i64.const 0) (i32.const 0)))))
  (core instance $i (instantiate $main
    (with "m" (instance $m))
    (with "w" (instance
      (export "get-stdin" (func $get-stdin)) (export "read" (func $read))
      (export "code" (func $code)) (export "leave" (func $leave))
      (export "display" (func $display)) (export "offset" (func $offset))))))
  (func (export "code-of-stdin") (result u32) (canon lift (core func $i "code-of-stdin")))
  (func (export "leave") (param "code" u8) (canon lift (core func $i "leave")))
  (func (export "zone") (result u32) (canon lift (core func $i "zone"))))
