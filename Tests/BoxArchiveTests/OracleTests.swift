import BoxArchive
import BoxModel
import BoxSystem
import Foundation
import Testing

/// Trees packed by other programs, unpacked by GNU tar and by box: both must agree in every attribute.
@Suite(.enabled(if: isRoot, "owners, devices and file capabilities need root")) struct OracleTests {
    private static let tree = """
        mkdir -p tree/sub/deep 'tree/with space' tree/empty && cd tree &&
        echo hello > sub/a && echo 0123456789 > sub/deep/b && chmod 4755 sub/a && chown 12:34 sub/deep/b &&
        ln -s ../sub/a sub/link && ln sub/a sub/hard && mkfifo sub/fifo && mknod sub/null c 1 3 &&
        chmod 1777 empty && chmod 2750 'with space' && chown 5:6 'with space' &&
        truncate -s 3M sparse && printf data | dd of=sparse bs=1 seek=1000000 conv=notrunc status=none &&
        printf end | dd of=sparse bs=1 seek=2500000 conv=notrunc status=none && truncate -s 1M hole &&
        name=$(printf 'n%.0s' $(seq 180)) && mkdir -p $name/$name && echo long > $name/$name/$name &&
        ln -s $name/$name/$name long-link && printf x > "$(printf 'bad\\377name')" && echo u > "e\u{301}" &&
        python3 -c 'import os; os.setxattr("sub/deep/b","user.colour",b"r\\0d\\n"); os.setxattr("sub/a","security.capability",bytes.fromhex("0100000202000000000000000000000000000000")); os.setxattr("empty","system.posix_acl_default",bytes.fromhex("0200000001000700ffffffff02000600e803000004000500ffffffff10000700ffffffff20000500ffffffff"))' &&
        touch -d '2020-01-02 03:04:05.678901234' sub/deep/b sub/deep sub 'with space' . && cd ..
        """

    private static let attributes = """
        python3 -c '
        import os,sys
        for root,ds,fs in os.walk(sys.argv[1].encode()):
            for n in sorted(ds+fs):
                p=os.path.join(root,n)
                for k in sorted(os.listxattr(p,follow_symlinks=False)):
                    print(p[len(sys.argv[1]):],k,os.getxattr(p,k,follow_symlinks=False))' 
        """

    @Test(arguments: [
        "tar --format=posix --sparse --xattrs --xattrs-include='*' --acls --numeric-owner -C tree -cf a.tar .",
        "tar --format=posix --sparse --sparse-version=0.1 -C tree -cf a.tar .",
        "tar --format=posix --sparse --sparse-version=0.0 -C tree -cf a.tar .",
        "tar --format=gnu --sparse -C tree -cf a.tar .",
        "tar --format=gnu -C tree -cf a.tar .",
        "python3 -c 'import tarfile; t=tarfile.open(\"a.tar\",\"w\",format=tarfile.PAX_FORMAT); t.add(\"tree\",\".\")'",
        "python3 -c 'import tarfile; t=tarfile.open(\"a.tar\",\"w\",format=tarfile.GNU_FORMAT); t.add(\"tree\",\".\")'",
    ])
    func agreesWithGNUTar(_ command: String) throws {
        let scratch = try Scratch()
        try scratch.shell(Self.tree)
        try scratch.shell(command)
        try scratch.shell(
            "mkdir theirs && tar --xattrs --xattrs-include='*' --acls --numeric-owner --same-permissions -C theirs -xf a.tar"
        )
        let report = try scratch.unpack(try readFile(scratch.path + "/a.tar"))
        #expect(try scratch.listing("inside") == scratch.listing("theirs"))
        #expect(
            try scratch.shell("cd inside && \(Self.attributes) .") == scratch.shell("cd theirs && \(Self.attributes) .")
        )
        #expect(try scratch.shell("diff -r --no-dereference inside theirs -x fifo -x null") == "")
        #expect(report.isSelfContained)
        #expect(report.hasRootEntry)
        #expect(report.ignoredAttributes.isEmpty)
        if command.contains("--sparse") {
            #expect(try scratch.shell("du -k inside/sparse inside/hole | awk '{s+=$1} END {print (s < 64)}'") == "1\n")
        }
    }
}
