//! Connects so many times, says nothing, and stays until its input ends. A process of its own, because each connection
//! takes a file, and a process may open only so many.

use std::{
    env,
    io::Read,
    net::{SocketAddr, TcpStream},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};

/// What is open besides.
const OTHERS: u64 = 50;

fn crowd() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address: SocketAddr = arguments.next().context("to whom?")?.parse()?;
    let count: u64 = arguments.next().context("how many?")?.parse()?;
    let files = rlimit::increase_nofile_limit(count + OTHERS)?;
    ensure!(
        files >= count + OTHERS,
        "the test needs {} open files for each of two processes, and the machine's hard limit is {files}: please raise it \
         (ulimit -Hn)",
        count + OTHERS
    );
    let crowd = (0..count).map(|_| TcpStream::connect(address)).collect::<Result<Vec<_>, _>>()?;
    println!("connected");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(crowd);
    Ok(())
}

fn main() -> ExitCode {
    match crowd() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
