use std::io::Read;

mod deep {
    #[inline(never)]
    pub fn item(list: &[usize], index: usize) -> usize {
        list[index]
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    println!("hello from Rust, {} arguments, NAME={}", arguments.len(), std::env::var("NAME").unwrap_or_default());
    eprintln!("read {} bytes", text.len());
    if let Some(first) = arguments.first() {
        let list: Vec<usize> = (0..3).collect();
        std::process::exit(deep::item(&list, first.len()) as i32);
    }
}
